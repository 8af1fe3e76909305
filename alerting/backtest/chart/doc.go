// Package chart draws what a detector did with a series, as a PNG that says within seconds what was found, what was missed
// and what was no anomaly. It takes any number of rows in bounded memory.
package chart
