// Package compare puts the same load and the same questions to several servers,
// one after the other, and sets what they did side by side.
package compare
