// Package reading is the vocabulary that inputs, intake and store share: a
// batch of points as an input parsed them, and the reasons for which a part of
// it may be refused. It imports nothing of Belfry's.
package reading
