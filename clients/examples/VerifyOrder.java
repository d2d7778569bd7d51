// Verify an order with Nimbus JOSE + JWT: java -cp JARS VerifyOrder.java JWKS ORDER.
// Prints the order; exits 1 if it is not to be believed.

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.crypto.Ed25519Verifier;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.util.Map;

public class VerifyOrder {
    public static void main(String[] arguments) throws Exception {
        JWKSet keys = JWKSet.load(new File(arguments[0]));
        JWSObject order = JWSObject.parse(Files.readString(Path.of(arguments[1])));
        JWK key = keys.getKeyByKeyId(order.getHeader().getKeyID());
        if (key == null
                || !"concord-order+json".equals(order.getHeader().getType().getType())
                || !JWSAlgorithm.Ed25519.equals(order.getHeader().getAlgorithm())) {
            refuse("not an order, or of a key that is not published");
        }
        if (!order.verify(new Ed25519Verifier(key.toOctetKeyPair().toPublicJWK()))) {
            refuse("not to be believed: the signature does not hold");
        }
        // Members of a key that Nimbus does not know are not kept by it, so whose key it is comes from the set itself.
        String owner = null;
        String retired = null;
        Map<String, Object> set = com.nimbusds.jose.util.JSONObjectUtils.parse(Files.readString(Path.of(arguments[0])));
        for (Map<String, Object> each : com.nimbusds.jose.util.JSONObjectUtils.getJSONObjectArray(set, "keys")) {
            if (key.getKeyID().equals(each.get("kid"))) {
                owner = (String) each.get("organisation");
                retired = (String) each.get("retired_at");
            }
        }
        Map<String, Object> payload = order.getPayload().toJSONObject();
        Map<?, ?> issuer = (Map<?, ?>) payload.get("issuer");
        if (owner == null || !owner.equals(issuer.get("id"))) {
            refuse("the key is not its issuer's");
        }
        // Whoever stole a retired key can write any time: see docs/providers.md for what a client looks at besides.
        if (retired != null
                && !OffsetDateTime.parse((String) payload.get("issued_at")).isBefore(OffsetDateTime.parse(retired))) {
            refuse("its key was retired before");
        }
        System.out.println(order.getPayload().toString());
    }

    private static void refuse(String why) {
        System.err.println(why);
        System.exit(1);
    }
}
