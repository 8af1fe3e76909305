// Package picture draws what a camera of the demo sees: a street by day or night,
// something in it, a frame around that, and words that say that it is drawn.
package picture
