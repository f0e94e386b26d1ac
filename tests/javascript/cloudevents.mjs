// A sender that uses CloudEvents' SDK for JavaScript: reads events as lines of JSON, and prints for each the record in
// binary mode, in structured mode, and in structured mode with its data in base 64, in the notation of kcat -J.
//
//   node cloudevents.mjs < events
import { createInterface } from "node:readline";
import { CloudEvent, Kafka } from "cloudevents";

function print({ key, headers, value }) {
  const payload = typeof value === "string" ? value : JSON.stringify(value);
  const flat = Object.entries(headers).flatMap(([name, text]) => [name, `${text}`]);
  console.log(JSON.stringify({ key, headers: flat, payload }));
}

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  const event = new CloudEvent({ ...given, partitionkey: given.subject });
  print(Kafka.binary(event));
  print(Kafka.structured(event));
  print(Kafka.structured(event.cloneWith({ data: Buffer.from(JSON.stringify(given.data)) })));
}
