import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.jackson.JsonFormat;
import io.cloudevents.kafka.KafkaMessageFactory;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;

/**
 * A sender that uses CloudEvents' SDK for Java: reads events as lines of JSON, and prints for each the record in binary
 * mode, in structured mode, and in structured mode with its data in base 64, in the notation of kcat -J.
 */
public final class CloudEventRecords {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        JsonFormat format = new JsonFormat();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            CloudEvent event = format.deserialize(line.getBytes(StandardCharsets.UTF_8));
            String key = event.getSubject();
            print(KafkaMessageFactory.createWriter("topic", key).writeBinary(event));
            print(KafkaMessageFactory.createWriter("topic", key).writeStructured(event, format));
            CloudEvent bytes = CloudEventBuilder.v1(event).withData(event.getData().toBytes()).build();
            print(KafkaMessageFactory.createWriter("topic", key)
                .writeStructured(bytes, format.withForceJsonDataToBase64()));
        }
    }

    private static void print(ProducerRecord<String, byte[]> made) throws Exception {
        List<String> headers = new ArrayList<>();
        for (Header header : made.headers()) {
            headers.add(header.key());
            headers.add(new String(header.value(), StandardCharsets.UTF_8));
        }
        String payload = new String(made.value(), StandardCharsets.UTF_8);
        OUT.println(JSON.writeValueAsString(Map.of("key", made.key(), "headers", headers, "payload", payload)));
    }
}
