// Package backtest lets a detector see the readings of a CSV file one after the other, as it would have seen them, and says
// how unusual each one was; where rows are labelled, also how well it did. What rules make of stored history is in the
// package history, below it.
package backtest
