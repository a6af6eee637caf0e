package group

import "unicode/utf16"

// utf16Units are the units that Java counts a string in.
func utf16Units(s string) []uint16 { return utf16.Encode([]rune(s)) }
