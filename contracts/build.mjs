// Compile the contracts with the pinned compiler and settings, each with exactly the sources it needs.
//
//   node contracts/build.mjs                      write contracts/compiled
//   node contracts/build.mjs --check              compile again and compare byte for byte; exit 1 when they differ
//   node contracts/build.mjs --tests DIRECTORY    compile contracts/test (attackers, only for tests) into DIRECTORY
//
// Between: contracts/src, node_modules (solc, OpenZeppelin: exact versions in the lock) and whoever reads compiled/.
// Invariant: no time, path or metadata hash goes into the output, so the same sources give the same bytes anywhere.
// Errors: every warning of the compiler is an error.
// Source: docs.soliditylang.org/en/v0.8.37/using-the-compiler.html#compiler-input-and-output-json-description
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const solc = createRequire(import.meta.url)("solc");

// EIP-170: a runtime longer than this cannot be deployed.
const RUNTIME_BYTES_MAX = 24_576;
// cancun: transient storage and MCOPY, on Ethereum and Base since March 2024, on Polygon since its Napoli fork.
const SETTINGS = {
  optimizer: { enabled: true, runs: 1000 },
  evmVersion: "cancun",
  metadata: { bytecodeHash: "none" },
};
const OUTPUT = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"];

/** The source of a unit by its import path: ours below src/ and test/, a package's below node_modules. */
function sourceOf(unit) {
  const path = unit.startsWith("@") ? join(here, "node_modules", unit) : join(here, unit);
  return readFileSync(path, "utf8");
}

/** Every unit that `unit` imports, itself included, sorted: {path: {content}}. */
function closure(unit) {
  const found = {};
  const wanted = [unit];
  while (wanted.length > 0) {
    const next = wanted.pop();
    if (found[next]) continue;
    const content = sourceOf(next);
    found[next] = { content };
    for (const [, target] of content.matchAll(/^\s*import\s+(?:[^"';]*\bfrom\s+)?["']([^"']+)["']/gm)) {
      wanted.push(target.startsWith(".") ? posix.join(posix.dirname(next), target) : target);
    }
  }
  return Object.fromEntries(Object.keys(found).sort().map((path) => [path, found[path]]));
}

function inputOf(unit) {
  const settings = { ...SETTINGS, outputSelection: { [unit]: { "*": OUTPUT } } };
  return { language: "Solidity", sources: closure(unit), settings };
}

// 2394: transient storage must be cleared by whoever sets it. The only user is OpenZeppelin's reentrancy guard, which
// does; the compiler's own text names that use as safe. In our own sources the warning stays an error.
const expected = (each) => each.errorCode === "2394" && each.sourceLocation?.file.startsWith("@openzeppelin/");

/** Compile one unit: {contract name: what the compiler says}. */
function compiled(unit, input) {
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const complaints = (output.errors ?? []).filter((each) => each.severity !== "info" && !expected(each));
  if (complaints.length > 0) {
    throw new Error(complaints.map((each) => each.formattedMessage).join("\n"));
  }
  return output.contracts[unit];
}

function artifact(name, unit, input, found) {
  const runtime = found.evm.deployedBytecode;
  const bytes = runtime.object.length / 2;
  if (bytes > RUNTIME_BYTES_MAX) throw new Error(`${name}: ${bytes} bytes, the chain takes ${RUNTIME_BYTES_MAX}`);
  const hashes = Object.entries(input.sources).map(([path, { content }]) => [
    path,
    `sha256:${createHash("sha256").update(content).digest("hex")}`,
  ]);
  return {
    contract: name,
    source: unit,
    compiler: solc.version(),
    settings: SETTINGS,
    runtimeBytes: bytes,
    sources: Object.fromEntries(hashes),
    abi: found.abi,
    bytecode: `0x${found.evm.bytecode.object}`,
    runtimeBytecode: `0x${runtime.object}`,
    immutableReferences: runtime.immutableReferences,
  };
}

const text = (value) => `${JSON.stringify(value, null, 1)}\n`;
const units = (folder) =>
  readdirSync(join(here, folder))
    .filter((file) => file.endsWith(".sol"))
    .sort()
    .map((file) => `${folder}/${file}`);

/** The files of compiled/: {path: text}. */
function built() {
  const files = {};
  for (const unit of units("src")) {
    const name = basename(unit, ".sol");
    const input = inputOf(unit);
    files[`${name}.json`] = text(artifact(name, unit, input, compiled(unit, input)[name]));
    files[`input/${name}.json`] = text(input);
  }
  return files;
}

function write(directory, files) {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  console.log(`wrote ${Object.keys(files).length} files below ${directory}`);
}

function check(directory, files) {
  const stale = Object.entries(files).filter(([path, content]) => {
    const file = join(directory, path);
    return !existsSync(file) || readFileSync(file, "utf8") !== content;
  });
  if (stale.length === 0) return console.log(`${Object.keys(files).length} files are what the sources give`);
  console.error(`not what the sources give: ${stale.map(([path]) => path).join(", ")}; run node contracts/build.mjs`);
  process.exitCode = 1;
}

function attackers() {
  const files = {};
  for (const unit of units("test")) {
    const input = inputOf(unit);
    for (const [name, found] of Object.entries(compiled(unit, input))) {
      files[`${name}.json`] = text(artifact(name, unit, input, found));
    }
  }
  return files;
}

const [verb, place] = process.argv.slice(2);
if (verb === "--tests" && place) write(place, attackers());
else if (verb === "--check") check(join(here, "compiled"), built());
else if (verb === undefined) write(join(here, "compiled"), built());
else {
  console.error(`unknown: ${process.argv.slice(2).join(" ")}; see the head of contracts/build.mjs`);
  process.exitCode = 2;
}
