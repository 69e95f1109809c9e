/**
 * Images: their documents as the OCI image specification and Docker have them, registries, archives, and the store of this
 * machine. All that comes from elsewhere is hostile until its digest is verified, and its content is hostile even then.
 */
package dev.cay.engine.image;
