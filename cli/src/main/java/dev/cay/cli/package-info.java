/**
 * The commands of Cay. Start reading at {@link dev.cay.cli.Cli}.
 *
 * <p>Start-up time is what users feel first, so nothing on the way of {@code cay run} uses regular expressions, reflection,
 * lambdas, pattern switches, or the {@code equals} and {@code toString} of records: each of them costs milliseconds the first
 * time.
 */
package dev.cay.cli;
