/**
 * The files of a sandbox. Start reading at {@link dev.cay.engine.files.ContainerFiles}.
 *
 * <p>The sandbox is hostile and changes its tree while it is worked on. Two rules follow. A path is resolved by openat2 with the
 * sandbox's root as the root, and what is done then is done relative to descriptors: no second look at a path. And what is found
 * by a name is taken for what it is only after it has been opened without following and without waiting.
 *
 * <p>System calls that make, name or change files run inside the sandbox, many in one list, since each list is a round trip.
 * What comes back as a descriptor is read and written from here.
 */
package dev.cay.engine.files;
