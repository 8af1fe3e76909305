// Package past gives a demo the days before it began: readings every five minutes,
// what models would have said of some, hazards that came and went, hazards that are
// still there, and what cameras saw. It writes them where Belfry then finds them,
// and marks hazards and events as simulated.
package past
