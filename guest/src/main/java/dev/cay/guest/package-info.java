/** The first process of every sandbox, as a file to be executed. */
package dev.cay.guest;
