import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Future;
import org.apache.avro.Conversions;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * What a shop emits: a landing, the answer to the consent banner, and the order, as docs/producers.md says.
 *
 * <p>Needs org.apache.kafka:kafka-clients and org.apache.avro:avro. The order says test, so that Awin pays nobody for it.
 * A shop keeps one producer open for as long as it runs.
 */
public final class Producer {

  /** Encodes the records of one topic in Avro's single-object encoding: C3 01, the schema's fingerprint, the body. */
  private static final class Topic {
    private final String name;
    private final Schema schema;
    private final BinaryMessageEncoder<GenericRecord> encoder;

    Topic(String name, Path schemaFile) throws IOException {
      this.name = name;
      this.schema = new Schema.Parser().parse(Files.readString(schemaFile));
      this.encoder = new BinaryMessageEncoder<>(new GenericData(), schema);
    }

    ProducerRecord<String, byte[]> record(String key, GenericRecord event) throws IOException {
      var buffer = encoder.encode(event);
      var value = new byte[buffer.remaining()];
      buffer.get(value);
      return new ProducerRecord<>(name, key, value);
    }
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 5) {
      System.err.println("usage: Producer BOOTSTRAP_SERVERS SCHEMAS SESSION_TOPIC ORDER_TOPIC ADVERTISER");
      System.exit(2);
    }
    var schemas = Path.of(arguments[1]);
    var landed = new Topic(arguments[2], schemas.resolve("session.landed.avsc"));
    var completed = new Topic(arguments[3], schemas.resolve("order.completed.avsc"));
    // Keys go to partitions by murmur2 unless partitioner.class says otherwise; acks=all and idempotence are the default.
    Map<String, Object> settings = Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);

    var visitor = UUID.randomUUID().toString(); // from the shop's cookies
    var session = UUID.randomUUID().toString();
    var click = arguments[4] + "_" + System.currentTimeMillis() / 1000 + "_" + UUID.randomUUID().toString().replace("-", "");
    var url = "https://shop.example/shoes?color=blue&awc=" + click; // with its whole query string

    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
      told(producer.send(landed.record(visitor, landing(landed.schema, visitor, session, url, null))));

      // Seconds later the banner is answered: the same session again, with what it says now.
      told(producer.send(landed.record(visitor, landing(landed.schema, visitor, session, url, "granted"))));

      // The checkout is done. Once per order, when it is placed.
      var order = order(completed.schema, visitor, session);
      told(producer.send(completed.record(visitor, order)));
      System.out.println("order " + order.get("order_ref"));
    }
  }

  private static GenericRecord landing(Schema schema, String visitor, String session, String url, String consent) {
    var kinds = schema.getField("consent").schema().getTypes().get(1);
    return new GenericRecordBuilder(schema)
        .set("session_id", session)
        .set("visitor_id", visitor)
        .set("landed_at", System.currentTimeMillis()) // the server's time, never the browser's
        .set("landing_url", url)
        .set("referrer", "https://blog.example/best-shoes")
        .set("consent", consent == null ? null : new GenericData.EnumSymbol(kinds, consent))
        .build();
  }

  private static GenericRecord order(Schema schema, String visitor, String session) {
    var number = UUID.randomUUID().toString().substring(0, 8);
    var lineSchema = schema.getField("lines").schema().getElementType();
    var amount = schema.getField("subtotal").schema();
    var line =
        new GenericRecordBuilder(lineSchema)
            .set("product_id", "P-100")
            .set("sku", "P-100-M")
            .set("name", "Café mug ☕")
            .set("category", "home")
            .set("unit_price", unscaled("24.95", amount))
            .set("quantity", 2L)
            .set("amount", unscaled("49.90", amount))
            .build();
    var types = schema.getField("customer_type").schema().getTypes().get(1);
    return new GenericRecordBuilder(schema)
        .set("order_id", "internal-" + number)
        .set("order_ref", "EXAMPLE-" + number) // what the customer sees, and what the pixel says
        .set("visitor_id", visitor)
        .set("session_id", session)
        .set("completed_at", System.currentTimeMillis())
        .set("currency", "EUR")
        .set("subtotal", unscaled("49.90", amount)) // after discounts, before tax and shipping
        .set("lines", List.of(line))
        .set("voucher_codes", List.of("SAVE10"))
        .set("customer_type", new GenericData.EnumSymbol(types, "NEW"))
        .set("market", "de")
        .set("test", true)
        .build();
  }

  /** An amount as the schema's decimal has it: its digits with four decimals. */
  private static Object unscaled(String amount, Schema schema) {
    var type = (LogicalTypes.Decimal) schema.getLogicalType();
    var value = new BigDecimal(amount).setScale(type.getScale());
    return new Conversions.DecimalConversion().toBytes(value, schema, type);
  }

  /** Hear what became of a record. Whoever ignores an error loses a sale. */
  private static void told(Future<RecordMetadata> sent) throws Exception {
    var at = sent.get();
    System.out.println(at.topic() + "[" + at.partition() + "] at offset " + at.offset());
  }

  private Producer() {}
}
