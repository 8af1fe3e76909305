// Package valuefeed tells followers of the newest values of series that a selector
// finds: first of all, then of those that change. Commits of the database wake it,
// and whatever follows the same selectors shares one look at them. A follower that is
// slow gets the newest values only.
package valuefeed
