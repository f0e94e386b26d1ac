// Says what AsyncAPI's own parser makes of a document: its diagnostics, and what it found, as JSON.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const found = document === undefined ? null : {
  version: document.version(),
  channels: Object.fromEntries(
    document.channels().all().map((channel) => [
      channel.address(),
      {
        messages: channel.messages().all().map((message) => message.name()),
        bindings: channel.bindings().get("kafka").value(),
        actions: channel.operations().all().map((operation) => operation.action()),
      },
    ]),
  ),
  examples: document.messages().all().flatMap((message) =>
    message.examples().all().map((example) => ({
      message: message.name(),
      name: example.name(),
      headers: example.headers(),
      payload: example.payload(),
    })),
  ),
};
console.log(JSON.stringify({
  diagnostics: diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path })),
  document: found,
}));
