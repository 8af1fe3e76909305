// Package response counts hazards, and says how long they took: to the first page,
// and to their end. It knows spans only, and nothing of where they are kept.
package response
