//go:build !linux

package badger

const canAdvise = false

func advise(string, bool) {}
