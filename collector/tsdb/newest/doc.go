// Package newest finds the newest sample of series by decoding only the chunks at
// their end.
package newest
