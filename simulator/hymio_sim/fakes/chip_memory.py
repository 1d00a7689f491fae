"""The memory of a stock ESP32 without PSRAM: one budget for the heap of Python, Wi-Fi and TLS.

"The chip's memory" in simulator/spec/model.md has the measurements behind every number here, and the limits. `Idf`
has the rules of ESP-IDF's heap, `new_segment` those of MicroPython's (py/gc.c, `gc_try_add_heap`). `Memory` makes the
VM's own heap follow them: what the chip's heap does not have, or not yet, is filled with ballast. So the real
allocator has as much space as on the chip, and what it does with it decides when a segment is taken and when an empty
one is given back.
"""

# mypy: ignore-errors

import sys

FIRST = 56 * 1024  # MICROPY_GC_INITIAL_HEAP_SIZE of ports/esp32/mpconfigport.h
# (address, bytes) of what is free beside the heap when Python starts. All large blocks lie in the third stretch.
REGIONS = ((0x1000, 15036), (0x8000, 25000), (0x20000, 110592))
_MIDDLE = 0x20000 + 57600  # a block of the Wi-Fi driver lies there, so the largest free block with Wi-Fi up has 57 kB
WIFI = ((0, 14000), (0, 20200), (_MIDDLE, 18400))  # (address or 0 for anywhere, bytes)
CA = 600  # a parsed CA certificate; each further one takes as much
CREDENTIALS = 900  # the parsed certificate and key
CONTEXT = 1500  # what an SSLContext takes in Python's heap
SESSION = (16717, 4429, 1900)  # buffers in and out (16384 and 4096 + 333 bytes); state of handshake and session
SHAKING = (700, 600, 600, 500)  # what the handshake needs as long as it lasts: the peer's certificates, elliptic curves
ENOMEM = 12
MISLEADING = (
    "The certificate is not correctly signed by the trusted CA"  # what mbedTLS says when memory runs out in the middle
)
OWN = 12500  # what is in Python's heap on a board and not here: frozen modules, asyncio, what boot.py leaves
_BLOCK = 16  # bytes in a block of the heap of a 32-bit board
_AREA = 40  # sizeof(mp_state_mem_area_t)


class Idf:
    """The heap of ESP-IDF: free stretches, which join when they touch; a block is taken where it fits best."""

    def __init__(self, regions=REGIONS):
        self.total = sum(size for _, size in regions)
        self._free = [list(region) for region in regions]
        self.lowest = self.free()

    def free(self):
        """How many bytes are free, all stretches together."""
        return sum(size for _, size in self._free)

    def largest(self):
        """How many bytes the largest free stretch has."""
        return max([size for _, size in self._free] or [0])

    def take(self, size, address=0):
        """Takes a block, at `address` if one is given; gives (address, size), or None if no free stretch is so long."""
        best = None
        for stretch in self._free:
            at, length = stretch
            if address and at <= address and address + size <= at + length:
                if at < address:
                    self._free.append([address + size, at + length - address - size])
                    stretch[1] = address - at
                    return self._taken(address, size)
                best = stretch
                break
            if length >= size and (best is None or length < best[1]):
                best = stretch
        if best is None:
            return None
        at = best[0]
        best[0] += size
        best[1] -= size
        return self._taken(at, size)

    def _taken(self, address, size):
        self._free = [stretch for stretch in self._free if stretch[1]]
        self.lowest = min(self.lowest, self.free())
        return address, size

    def give(self, block):
        """Gives a block back."""
        self._free.append(list(block))
        self._free.sort()
        joined = [self._free[0]]
        for stretch in self._free[1:]:
            if joined[-1][0] + joined[-1][1] == stretch[0]:
                joined[-1][1] += stretch[1]
            else:
                joined.append(stretch)
        self._free = joined

    def take_all(self, sizes):
        """Takes blocks of these sizes, bytes or (address, bytes); gives them, or None if not all can be had."""
        blocks = []
        for size in sizes:
            block = self.take(size[1], size[0]) if isinstance(size, tuple) else self.take(size)
            if block is None:
                for one in blocks:
                    self.give(one)
                return None
            blocks.append(block)
        return blocks


def pool(size):
    """How many bytes of a segment of `size` bytes are left for objects (gc_setup_area)."""
    return (size - 1) * 8 // (8 + 4 + 4 * _BLOCK * 8) * 4 * _BLOCK


def new_segment(needed, pools, largest):
    """How large a segment MicroPython takes when it does not find `needed` bytes; 0: it takes none.

    pools: how many bytes the segments have that it holds; largest: what `Idf.largest` gives.
    """
    needed += max(2048, needed * 13 // 512)
    if largest < needed:
        return 0
    blocks = pools // _BLOCK
    twice = blocks // 4 + blocks // 8 + blocks * _BLOCK + 1 + _AREA
    return min(largest, max((twice + _BLOCK - 1) // _BLOCK * _BLOCK, needed))


class Memory:
    """Makes the VM's heap behave as the chip's would.

    Sizes are in bytes of the board, but for those whose names say `vm`.
    """

    _PER_BYTE = (7, 5)  # bytes on the VM for bytes on the board: see simulator/spec/model.md
    _CHUNK_VM = 1024
    _RUN_VM = 1536  # what is always free in one piece, as long as the chip could give it
    _LOOK_VM = 256  # after how many allocated bytes to look again

    def __init__(self, tell):
        """Fills all of the VM's heap that is free with ballast.

        tell(what, memory) is called when something has happened.
        """
        import gc
        import io

        import micropython
        import uctypes

        self.idf = Idf()
        self._gc = gc
        self._probe = io.BytesIO
        self._allocated = micropython.mem_total
        self._address = uctypes.addressof
        self._tell = tell
        self._threshold_vm = -1
        self._wifi = None
        # (block of the IDF, pool, address and bytes in the VM, ballast between it and the segment before) of each.
        self.segments = [(None, pool(FIRST), 0, 0, None)]
        gc.collect()
        ballast = [None] * (
            gc.mem_free() // self._CHUNK_VM
        )  # made at once, because a list that grows would come to lie among what it frees
        spare = bytearray(8192)
        room = bytearray(self.vm(pool(FIRST) - OWN))
        self._plugs = None  # fills the holes among the fakes, which the firmware must not get
        count = 0
        try:
            while True:
                chunk = bytearray(self._CHUNK_VM)
                if self._address(chunk) > self._address(room):
                    ballast[count] = chunk
                    count += 1
                else:
                    self._plugs = (chunk, self._plugs)
        except MemoryError:
            del spare, chunk  # free for what follows
            gc.collect()
        self._ballast = sorted(ballast[:count], key=self._address)
        ballast = None
        self._next = 0  # the first piece of ballast that is still there
        for size_vm in (1024, 256, 32):
            try:
                while True:
                    self._plugs = (bytearray(size_vm), self._plugs)
            except MemoryError:
                pass
        room = None
        gc.collect()
        self._base = gc.mem_free() - self.vm(pool(FIRST) - OWN)
        self._collected_at = self._looked_at = self._allocated()
        self._is_busy = False

    def vm(self, size):
        """How many bytes on the VM correspond to so many on the board."""
        return size * self._PER_BYTE[0] // self._PER_BYTE[1]

    def heap_free(self):
        """How many bytes are free in the segments."""
        return max(0, self._gc.mem_free() - self._base) * self._PER_BYTE[1] // self._PER_BYTE[0]

    # ---- what stands in the place of `gc` ----

    def mem_free(self):
        """What `gc.mem_free` gives on the board.

        That is what is free in the segments, and the largest block that could still be added.
        """
        return self.heap_free() + self.idf.largest()

    def mem_alloc(self):
        """What `gc.mem_alloc` gives on the board: what is in use in the segments."""
        return sum(segment[1] for segment in self.segments) - self.heap_free()

    def threshold(self, size):
        """Has a collection made after that many bytes have been allocated."""
        self._threshold_vm = self.vm(size) if size >= 0 else -1
        self._tell("threshold %d" % size, self)

    def collect(self):
        """Collects; a segment that is then empty goes back to ESP-IDF, but for the first one."""
        self._gc.collect()
        self._collected_at = self._looked_at = self._allocated()
        for segment in reversed(self.segments[1:]):
            if self._filled(segment):
                self.segments.remove(segment)
                self.idf.give(segment[0])
                self._tell("returned", self)
        self._gc.collect()

    def _filled(self, segment):
        """Fills the segment with ballast again, if nothing else is in it; gives whether it has."""
        _, _, address, size_vm, wall = segment
        if not self._fits(size_vm):
            return False
        filled = bytearray(size_vm)
        if not address <= self._address(filled) < address + self._CHUNK_VM:
            return False
        self._next -= 2
        self._ballast[self._next] = wall
        self._ballast[self._next + 1] = filled
        return True

    def _fits(self, size_vm):
        """Whether that many bytes can be had in one piece; they are given back at once."""
        try:
            self._probe(size_vm).close()
            return True
        except MemoryError:
            return False

    # ---- looking on ----

    def look(self, size_vm=0):
        """Has to be called often: collects when the threshold is reached, and takes a segment when memory runs out."""
        now = self._allocated()
        if self._is_busy or (now - self._looked_at < self._LOOK_VM and not size_vm):
            return
        self._is_busy = True
        try:
            if 0 <= self._threshold_vm <= now - self._collected_at:
                self.collect()
            while not self._has_room(size_vm):
                self.collect()
                if self._has_room(size_vm) or not self._grow():
                    break
        finally:
            self._is_busy = False
        # What looking has allocated itself does not count as the firmware's.
        self._looked_at = self._allocated()
        if self._collected_at <= now:
            self._collected_at += self._looked_at - now

    def grow(self):
        """Something did not fit anywhere: collects, and takes a segment; gives False if there is none to be had."""
        self._is_busy = True
        try:
            self.collect()
            return self._grow()
        finally:
            self._is_busy = False

    def _has_room(self, size_vm):
        # The second segment always comes while the firmware is loaded. Where nobody looks, it must be there already.
        spare_vm = self._RUN_VM if len(self.segments) > 1 else 16 * self._RUN_VM
        if self._gc.mem_free() - self._base < size_vm + spare_vm:
            return False
        return self._fits(self._RUN_VM)

    def _grow(self):
        need = self._RUN_VM * self._PER_BYTE[1] // self._PER_BYTE[0]
        size = new_segment(need, sum(segment[1] for segment in self.segments), self.idf.largest())
        if not size:
            return False
        block = self.idf.take(size)
        size_vm = self.vm(pool(size))
        ballast = self._ballast
        wall = ballast[self._next]
        ballast[self._next] = None
        self._next += 1
        address = end = self._address(wall) + self._CHUNK_VM
        while end - address < size_vm - self._CHUNK_VM and self._next < len(ballast) - 1:
            ballast[self._next] = None
            self._next += 1
            end = self._address(ballast[self._next])
        self.segments.append((block, pool(size), address, end - address - 64, wall))
        self._gc.collect()
        self._tell("grown", self)
        return True

    # ---- who else takes from the budget ----

    def radio(self, on):
        """Starts or stops the Wi-Fi driver.

        Raises:
            OSError: it does not get the memory that it needs.
        """
        if on and self._wifi is None:
            self._wifi = self.idf.take_all(WIFI)
            if self._wifi is None:
                self._tell("no radio", self)
                raise OSError("WiFi Out of Memory")
        elif not on and self._wifi is not None:
            for block in self._wifi:
                self.idf.give(block)
            self._wifi = None

    def tls(self):
        """The module that stands in the place of `ssl`."""
        return MeteredTls(self)


class MeteredTls:
    """The module `ssl` of the board, as far as its memory goes.

    TLS itself is spoken outside: on a chip mbedTLS lives beside the heap of Python, on the VM it would live in that
    heap.
    """

    PROTOCOL_TLS_CLIENT = 0
    CERT_REQUIRED = 2

    def __init__(self, memory):
        self.memory = memory

    def SSLContext(self, protocol):
        """A context that holds its blocks until it is told to give them back, as the firmware keeps its own."""
        return MeteredContext(self.memory)


class MeteredContext:
    """An SSLContext; as on the board `__del__` can be called, and certificates be loaded again after it."""

    verify_mode = 0

    def __init__(self, memory):
        self._memory = memory
        self._object = bytearray(memory.vm(CONTEXT))
        self._blocks = []

    def _take(self, size):
        block = self._memory.idf.take(size)
        if block is None:
            raise OSError(ENOMEM)
        self._blocks.append(block)

    def load_verify_locations(self, cadata):
        """Takes the memory of a parsed CA; the certificate itself is known to those who speak TLS outside."""
        self._take(CA)

    def load_cert_chain(self, cert, key):
        """Takes the memory of certificate and key, and leaves the certificate for those who speak TLS outside."""
        self._take(CREDENTIALS)
        with open(".shown.der", "wb") as file:
            file.write(cert)

    def __del__(self):
        while self._blocks:
            self._memory.idf.give(self._blocks.pop())

    def wrap_socket(self, sock, server_hostname=None, do_handshake_on_connect=True):
        """Takes the memory of a session; gives the socket.

        As on the board it collects and tries a second time if there is not enough.

        Raises:
            OSError: with 12 (ENOMEM), there is still not enough.
        """
        memory = self._memory
        blocks = memory.idf.take_all(SESSION)
        if blocks is None:
            memory.collect()
            blocks = memory.idf.take_all(SESSION)
        if blocks is None:
            memory._tell("refused", memory)
            raise OSError(ENOMEM)
        return _secure(memory, sock, blocks)


def _secure(memory, sock, blocks):
    import io

    class Secure(io.IOBase):
        """An SSLSocket: its blocks are there until it is closed."""

        def __init__(self):
            self.blocks = blocks
            self.is_shaken = False

        def _shake(self):
            if self.blocks is None:
                raise OSError(9)
            if not self.is_shaken:
                more = memory.idf.take_all(SHAKING)
                if more is None:
                    memory._tell("refused", memory)
                    raise ValueError(MISLEADING)
                memory._tell("handshake", memory)
                for block in more:
                    memory.idf.give(block)
                self.is_shaken = True

        def write(self, data):
            self._shake()
            return sock.write(data)

        def read(self, size=-1):
            return sock.read(size)

        def readinto(self, buf):
            return sock.readinto(buf)

        def ioctl(self, request, argument):
            return sock.fileno() if request == 10 else 0  # MP_STREAM_GET_FILENO: for poll()

        def close(self):
            if self.blocks is not None:
                for block in self.blocks:
                    memory.idf.give(block)
                self.blocks = None
            sock.close()

    return Secure()


def install(port):
    """Puts the model under everything that is loaded from now on; port: the `bus.Bus`."""
    import builtins
    import os

    def tell(what, memory):
        idf = memory.idf
        port.tell_memory(what, sum(s[1] for s in memory.segments), memory.heap_free(), idf.free(), idf.largest())

    memory = Memory(tell)
    sys.modules["gc"] = memory
    sys.modules["ssl"] = memory.tls()
    port.radio = memory.radio
    port.idf = memory.idf
    take_waiting, request = port.take_waiting, port.request

    def looked_take_waiting():
        memory.look()
        take_waiting()

    def looked_request(*args):
        memory.look()
        return request(*args)

    port.take_waiting = looked_take_waiting
    port.request = looked_request
    plain_import = builtins.__import__

    def looked_import(name, *args):
        module = name.rpartition(".")[2]
        if "terminal." + module in sys.modules:
            return plain_import(name, *args)
        try:
            # The code itself, and what it becomes when it runs.
            memory.look(7 * os.stat("terminal/" + module + ".mpy")[6] // 4)
        except OSError:
            return plain_import(name, *args)  # no module of the firmware
        while True:
            try:
                return plain_import(name, *args)
            except MemoryError:  # on the board that allocation would have got a segment
                if not memory.grow():
                    raise

    builtins.__import__ = looked_import
    return memory
