package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;

/** How somebody proves to a registry who they are. */
sealed interface Credential {
    /** A name and what only its bearer knows. */
    record Password(String user, String secret) implements Credential {
        public Password {
            requireNonNull(user, "user is null");
            requireNonNull(secret, "secret is null");
        }

        /** RFC 7617. */
        String header() {
            byte[] text = (user + ":" + secret).getBytes(StandardCharsets.UTF_8);
            return "Basic " + Base64.getEncoder().encodeToString(text);
        }

        @Override
        public String toString() {
            return "a password of " + user; // never the secret itself
        }
    }

    /** A refresh token of OAuth 2. */
    record Token(String token) implements Credential {
        public Token {
            requireNonNull(token, "token is null");
        }

        @Override
        public String toString() {
            return "a token";
        }
    }

    /** Reads what Docker's file has as {@code auth}: base64 of USER:PASSWORD. */
    static Optional<Credential> parse(String base64) {
        String text;
        try {
            text = new String(Base64.getDecoder().decode(base64.strip()), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
        int colon = text.indexOf(':');
        if (colon <= 0) {
            return Optional.empty();
        }
        // Some tools have written a NUL at the end.
        String secret = text.substring(colon + 1).replaceFirst("\0+$", "");
        return Optional.of(new Password(text.substring(0, colon), secret));
    }
}
