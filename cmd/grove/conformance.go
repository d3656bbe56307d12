package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/conformance"
)

type conformanceCmd struct {
	Account  string   `required:"" help:"Account that the clients sign in to." placeholder:"EMAIL"`
	Password string   `name:"password" help:"Its password; better given by GROVE_PASSWORD or typed when asked." placeholder:"TEXT"`
	AskCode  bool     `help:"Ask on the terminal for the codes that the account is sent by e-mail."`
	TOTP     string   `name:"totp" help:"Secret of its authenticator in base32, if it has one." placeholder:"TEXT"`
	PIN      string   `name:"pin" help:"A PIN that gives a printer to the account; else no printer is bound by one." placeholder:"PIN"`
	Printer  string   `help:"Serial of the printer to ask about; otherwise one that is online." placeholder:"SERIAL"`
	Print    bool     `help:"Also start prints, if the printer is idle, and stop them. The printer moves and heats."`
	Only     []string `help:"Play only these clients." placeholder:"NAME"`
	Markdown bool     `help:"Print the table of endpoints and clients."`
}

// Run plays every known client against the server at --url; MQTT is tried with
// --mqtt alone. What does not hold is an error, so that scripts see it.
func (c *conformanceCmd) Run(ctx context.Context, at *cloud) error {
	switch {
	case at.URL == "":
		return grove.Errorf(grove.Invalid, "missing_url", "say which server is to be tried: --url URL")
	case at.JSON && c.Markdown:
		return grove.Errorf(grove.Invalid, "two_forms", "--json and --markdown are two forms of the same; give one")
	}
	password, err := askPassword(c.Password, "Password: ")
	if err != nil {
		return err
	}
	ca, err := kept{CA: at.CA}.authority()
	if err != nil {
		return err
	}
	r, err := conformance.Run(ctx, conformance.Config{
		URL: at.URL, Account: c.Account, Password: grove.Secret(password), TOTP: grove.Secret(c.TOTP), MQTT: at.MQTT, CA: ca,
		Code: c.code(), PIN: grove.Secret(c.PIN), Printer: c.Printer, Print: c.Print, Only: c.Only,
	})
	if err != nil {
		return err
	}
	if err := c.show(r, at.JSON); err != nil {
		return err
	}
	if !r.OK() {
		return fmt.Errorf("%s does not conform: %d steps hold, %d fail, %d were skipped",
			at.URL, r.Count(conformance.Holds), r.Count(conformance.Fails), r.Count(conformance.Skipped))
	}
	return nil
}

// code reads one-time codes from whoever sits there, if asked to.
func (c *conformanceCmd) code() conformance.Code {
	if !c.AskCode {
		return nil
	}
	in := bufio.NewReader(os.Stdin)
	return func(context.Context) (string, error) {
		fmt.Fprintf(os.Stderr, "The newest code that %s was sent: ", c.Account)
		line, err := in.ReadString('\n')
		if code := strings.TrimSpace(line); code != "" {
			return code, nil
		}
		return "", errors.Join(errors.New("no code was given"), err)
	}
}

func (c *conformanceCmd) show(r conformance.Report, asJSON bool) error {
	switch {
	case asJSON:
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(r)
	case c.Markdown:
		return r.Markdown(os.Stdout)
	}
	return r.Table(os.Stdout)
}
