/**
 * The names that sandboxes with a network may know, and the news of what they were denied ({@link
 * dev.cay.engine.names.NameService}), from leases and policies; in the process that owns the sandbox or, for detached ones, in one
 * of its own ({@link dev.cay.engine.names.Netd}). See {@code design/004-names.md}.
 */
package dev.cay.engine.names;
