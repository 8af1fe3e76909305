// Package table reads the readings of CSV files as people have them: with commas, semicolons or tabs, in UTF-8, UTF-16 or
// GBK, with times in a dozen spellings, local ones among them, and with numbers as Europeans write them. It reads a row
// at a time, in bounded memory, and says of what it does not understand where it stands and what would help.
package table
