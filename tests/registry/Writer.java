import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/** Prints, in hexadecimal, a record in Confluent's framing: the file of its schema, its schema's id, its text in JSON. */
public final class Writer {
    public static void main(String[] arguments) throws IOException {
        Schema schema = new Schema.Parser().parse(Path.of(arguments[0]).toFile());
        GenericRecord order = new GenericDatumReader<GenericRecord>(schema)
            .read(null, DecoderFactory.get().jsonDecoder(schema, arguments[2]));
        ByteArrayOutputStream value = new ByteArrayOutputStream();
        DataOutputStream framed = new DataOutputStream(value);
        framed.writeByte(0);
        framed.writeInt(Integer.parseInt(arguments[1]));
        BinaryEncoder body = EncoderFactory.get().directBinaryEncoder(value, null);
        new GenericDatumWriter<GenericRecord>(schema).write(order, body);
        System.out.print(HexFormat.of().formatHex(value.toByteArray()));
    }
}
