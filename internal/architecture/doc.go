// Package architecture holds no code, only the tests that keep ARCHITECTURE.md
// true: they read its table of rooms and compare it with the imports in the
// source.
package architecture
