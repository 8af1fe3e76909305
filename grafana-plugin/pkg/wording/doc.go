// Package wording holds what is said to people in English and in Chinese side by side.
package wording
