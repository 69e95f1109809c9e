/**
 * JSON without a tree of classes: {@link dev.cay.engine.json.JsonReader} for what is not to be trusted and may be large, {@link
 * dev.cay.engine.json.JsonObject} and {@link dev.cay.engine.json.JsonWriter} for small texts of our own. Only Jackson's streams
 * are used: to load its data binding would cost a command a tenth of a second.
 */
package dev.cay.engine.json;
