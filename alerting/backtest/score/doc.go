// Package score judges a detector by labels: row by row, as leaderboards do, and by windows and alarms, as the people do
// who are paged.
package score
