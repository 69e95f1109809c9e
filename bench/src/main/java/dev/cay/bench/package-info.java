/**
 * The benchmarks: {@link dev.cay.bench.Main} runs one, {@link dev.cay.bench.Rounds} measures, {@link dev.cay.bench.Report} tells.
 */
package dev.cay.bench;
