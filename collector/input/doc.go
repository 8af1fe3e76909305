// Package input is what the wire formats below it have in common: a message,
// and a decoder that turns it into readings. Decoders know nothing of storage.
package input
