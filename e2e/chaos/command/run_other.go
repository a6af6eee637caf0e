//go:build !linux

package main

import "errors"

func run(*options) error {
	return errors.New("hosts are made of network namespaces, which only Linux has")
}
