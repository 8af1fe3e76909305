// Package inputs measures what an input takes: messages and readings a second,
// and the server's processor time for each, all of them acknowledged.
package inputs
