/**
 * Archives as streams. Start reading at {@link dev.cay.engine.archive.TarReader} and {@link
 * dev.cay.engine.archive.TarWriter}; {@code HeaderBlock} is the layout of a header, {@code Extensions} what the headers before
 * one say of it. Nothing here knows a file system: what becomes of an entry is the caller's affair, and {@link
 * dev.cay.engine.archive.EntryPath} tells it which names may be used at all.
 */
package dev.cay.engine.archive;
