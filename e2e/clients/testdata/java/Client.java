import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Keeps the contract of a client (see contract_test.go) with the Java client's own API and its defaults. */
public class Client {
    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "topics" -> topics(args[1]);
            case "create" -> create(args[1], args[2]);
            case "produce" -> produce(args[1], args[2], args[3]);
            case "consume" -> consume(args[1], args[2], args[3]);
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    static void topics(String brokers) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            admin.listTopics().names().get().forEach(System.out::println);
        }
    }

    static void create(String brokers, String topic) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            admin.createTopics(List.of(new NewTopic(topic, 3, (short) 3))).all().get();
        }
    }

    static void produce(String brokers, String topic, String codec) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", brokers, "acks", "all", "compression.type", codec);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line; (line = lines.readLine()) != null; ) {
                String[] record = line.split("\t", 2);
                sent.add(producer.send(new ProducerRecord<>(topic, record[0], record[1])));
            }
        }
        for (var s : sent) {
            s.get();
        }
    }

    static void consume(String brokers, String topic, String group) throws Exception {
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Map<String, Object> config = Map.of("bootstrap.servers", brokers, "group.id", group,
            "auto.offset.reset", "earliest", "enable.auto.commit", "false");
        var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
        var done = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try {
                done.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        try {
            consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                }

                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                    consumer.commitSync();
                }
            });
            while (true) {
                for (var r : consumer.poll(Duration.ofSeconds(1))) {
                    out.println(r.partition() + "\t" + r.offset() + "\t" + r.key() + "\t" + r.value());
                }
            }
        } catch (WakeupException e) {
            consumer.close(); // which revokes
        } finally {
            done.countDown();
        }
    }
}
