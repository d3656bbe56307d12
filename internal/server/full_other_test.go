//go:build !linux

package server

// mountSmallDisk needs Linux's mount namespaces.
func mountSmallDisk(data, _ string) (string, error) { return data, nil }
