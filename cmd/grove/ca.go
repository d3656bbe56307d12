package main

import (
	"fmt"
	"os"

	"github.com/grovecloud/grove/internal/server"
)

type caCmd struct {
	Data string `help:"The cloud's data directory." default:"grove-data" placeholder:"DIR"`
}

// Run prints the CA's certificate on standard output and its fingerprint beside.
func (c *caCmd) Run() error {
	pem, fingerprint, err := server.ReadCA(c.Data)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "SHA-256", fingerprint)
	_, err = os.Stdout.Write(pem)
	return err
}
