package dev.cay.engine.image;

import java.util.List;
import java.util.Set;

/** What documents and layers are called. Those of Docker's schema 2 and of OCI are the same but for their names. */
final class MediaTypes {
    static final String OCI_INDEX = "application/vnd.oci.image.index.v1+json";
    static final String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
    static final String OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
    static final String OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
    static final String DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json";
    static final String DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
    static final String DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
    static final String DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";

    /** What a registry is asked for. */
    static final List<String> DOCUMENTS = List.of(OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST);

    private static final List<String> LAYERS = List.of(
            OCI_LAYER,
            DOCKER_LAYER,
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.docker.image.rootfs.foreign.diff.tar");
    private static final Set<String> COMPRESSIONS = Set.of("", "+gzip", "+zstd", ".gzip", ".zstd");

    private MediaTypes() {}

    static boolean isIndex(String type) {
        return type.equals(OCI_INDEX) || type.equals(DOCKER_INDEX);
    }

    static boolean isManifest(String type) {
        return type.equals(OCI_MANIFEST) || type.equals(DOCKER_MANIFEST);
    }

    static boolean isConfig(String type) {
        return type.equals(OCI_CONFIG) || type.equals(DOCKER_CONFIG);
    }

    /** Whether it is a tar archive that is a layer; how it is compressed its first bytes tell. */
    static boolean isLayer(String type) {
        for (String layer : LAYERS) {
            if (type.startsWith(layer) && COMPRESSIONS.contains(type.substring(layer.length()))) {
                return true;
            }
        }
        return false;
    }
}
