"""`esp32.NVS` of a simulated board: blobs by name, in flash beside the file system."""

# mypy: ignore-errors

READ = 0x69  # a frame to the simulator: the key; answered with its value, nothing if there is none
WRITE = 0x49  # length of the key u8, the key, its value (nothing: it goes); answered with nothing when it is done


class NVS:
    """One namespace of the NVS. What is set stays even if `commit` is left out, which is kinder than the real one."""

    def __init__(self, namespace):
        import bus  # here and not above, because the simulator around the board imports this file for its constants

        self._request = bus.port.request
        self._prefix = namespace + "."

    def get_blob(self, key, buffer):
        """Fills `buffer` with the value; gives its length."""
        value = self._request(READ, (self._prefix + key).encode())
        if not value:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        if len(value) > len(buffer):
            raise OSError(-4364, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        """Stores a value."""
        name = (self._prefix + key).encode()
        self._request(WRITE, bytes((len(name),)) + name + bytes(value))

    def erase_key(self, key):
        """Removes a value."""
        self.get_blob(key, bytearray(4000))
        self.set_blob(key, b"")

    def commit(self):
        """Does nothing: everything is stored already."""
