// A Kafka client in Java, as another team might have it: writes what it gets as lines of JSON, in the notation of kcat -J,
// with the client's own partitioner; or reads committed records of a topic from its beginning, and prints them likewise.
//
//   java -cp CLASSES Client write BOOTSTRAP < records
//   java -cp CLASSES Client read BOOTSTRAP TOPIC COUNT
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Client {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT = new PrintStream(System.out, true, UTF_8);

    public static void main(String[] args) throws Exception {
        if (args[0].equals("write")) {
            write(args[1]);
        } else {
            read(args[1], args[2], Integer.parseInt(args[3]));
        }
    }

    private static void write(String bootstrap) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "acks", "all");
        var lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (String line; (line = lines.readLine()) != null; ) {
                ObjectNode given = (ObjectNode) JSON.readTree(line);
                var sent = new ProducerRecord<>(
                        given.get("topic").asText(), given.get("key").asText(), given.get("payload").asText());
                JsonNode headers = given.get("headers");
                for (int i = 0; i + 1 < headers.size(); i += 2) {
                    sent.headers().add(headers.get(i).asText(), headers.get(i + 1).asText().getBytes(UTF_8));
                }
                given.put("partition", producer.send(sent).get().partition());
                OUT.println(JSON.writeValueAsString(given));
            }
        }
    }

    private static void read(String bootstrap, String topic, int count) throws Exception {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", bootstrap,
                "group.id", "java-" + UUID.randomUUID(),
                "auto.offset.reset", "earliest",
                "isolation.level", "read_committed");
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            for (int left = count; left > 0; ) {
                for (ConsumerRecord<String, String> got : consumer.poll(Duration.ofSeconds(1))) {
                    OUT.println(JSON.writeValueAsString(seen(got)));
                    left--;
                }
            }
        }
    }

    private static ObjectNode seen(ConsumerRecord<String, String> got) {
        ObjectNode seen = JSON.createObjectNode();
        seen.put("topic", got.topic()).put("partition", got.partition()).put("key", got.key());
        var headers = seen.putArray("headers");
        for (Header header : got.headers()) {
            headers.add(header.key()).add(new String(header.value(), UTF_8));
        }
        return seen.put("payload", got.value());
    }
}
