// Runs vm_figures.py on the 32-bit MicroPython VM for WebAssembly, which allocates where a 32-bit board does.
//
// node vm32.mjs MICROPYTHON_MJS WHAT COUNT FILE...      (files of a folder `terminal` make up that package)
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";

const [micropython, what, count, ...files] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(micropython));
const vm = await loadMicroPython({ heapsize: 4 << 20, stdout: (line) => console.log(line), linebuffer: true });
vm.FS.mkdir("/lib");
vm.FS.mkdir("/lib/terminal");
for (const file of files) {
  const folder = basename(dirname(file)) === "terminal" ? "/lib/terminal/" : "/lib/";
  vm.FS.writeFile(folder + basename(file), readFileSync(file));
}
vm.runPython(`
import sys
sys.path.insert(0, "/lib")
sys.argv[:] = ["vm_figures.py", "${what}", "${count}"]
import vm_figures
`);
