//go:build !linux

package blob_test

// fillSmallDisk needs Linux's mount namespaces.
func fillSmallDisk(string) int { return 0 }
