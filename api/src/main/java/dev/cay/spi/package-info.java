/** How an engine is found; users of the API never need it. */
package dev.cay.spi;
