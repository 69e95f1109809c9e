/**
 * Sandboxes for code nobody trusts. Start at {@link dev.cay.Sandboxes#local()}.
 *
 * <p>Nothing in this package is null and no argument may be; what may be absent is an {@link java.util.Optional}.
 */
package dev.cay;
