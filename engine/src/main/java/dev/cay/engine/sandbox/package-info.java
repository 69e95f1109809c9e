/** The API, implemented in this process. {@link dev.cay.engine.sandbox.LocalProvider} is how it is found. */
package dev.cay.engine.sandbox;
