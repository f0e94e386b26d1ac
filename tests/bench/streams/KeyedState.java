import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams, exactly once: reads the event topics, keeps each order's events as keyed state (RocksDB, with its
 * changelog in Kafka), writes a record an event. No rules, no decoding, and nothing that a person could query.
 */
public final class KeyedState {
    private static final String STATE = "orders";

    public static void main(String[] arguments) throws InterruptedException {
        List<String> in = Arrays.asList(System.getenv("BENCH_TOPICS").split(","));
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(STATE), Serdes.String(), Serdes.ByteArray()));
        builder.stream(in, Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .process(Remember::new, STATE)
                .to(System.getenv("BENCH_OUT"), Produced.with(Serdes.String(), Serdes.ByteArray()));

        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("BENCH_KAFKA"));
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("BENCH_GROUP"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("BENCH_STATE"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        settings.put("auto.offset.reset", "earliest");

        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        CountDownLatch end = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close();
            end.countDown();
        }));
        streams.start();
        end.await();
    }

    private static final class Remember implements Processor<String, byte[], String, byte[]> {
        private ProcessorContext<String, byte[]> context;
        private KeyValueStore<String, byte[]> orders;

        @Override
        public void init(ProcessorContext<String, byte[]> context) {
            this.context = context;
            this.orders = context.getStateStore(STATE);
        }

        @Override
        public void process(Record<String, byte[]> event) {
            byte[] before = orders.get(event.key());
            int known = before == null ? 0 : before.length;
            byte[] after = before == null ? new byte[event.value().length] : Arrays.copyOf(before, known + event.value().length);
            System.arraycopy(event.value(), 0, after, known, event.value().length);
            orders.put(event.key(), after);
            context.forward(event);
        }
    }
}
