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
	With     []string `help:"Add what an earlier run found, as its --json printed it: with an account that signs in in another way." placeholder:"FILE"`
	Markdown bool     `help:"Print the table of endpoints and clients."`

	AllowSkips bool `help:"Exit code 0 also when steps could not be tried; otherwise it is 7 then."`
}

// Run plays every known client against the server at --url; MQTT is tried with
// --mqtt alone. What does not hold is an error, so that scripts see it, and what
// could not be tried is another.
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
	before, err := c.earlier()
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
	r = r.With(before...)
	if err := c.show(r, at.JSON); err != nil {
		return err
	}
	counts := fmt.Sprintf("%d steps hold, %d fail, %d were skipped", r.Count(conformance.Holds), r.Count(conformance.Fails), r.Count(conformance.Skipped))
	switch {
	case !r.OK():
		return fmt.Errorf("%s does not conform: %s", at.URL, counts)
	case r.Count(conformance.Skipped) > 0 && !c.AllowSkips:
		return untried(fmt.Sprintf("%s was not tried in full: %s; the table says what is missing, and --allow-skips takes it as it is", at.URL, counts))
	}
	return nil
}

// untried is the error of a run in which nothing failed, but something could not be
// tried: nobody shall take it for a proof.
type untried string

func (u untried) Error() string { return string(u) }

// earlier reads what other runs found.
func (c *conformanceCmd) earlier() ([]conformance.Report, error) {
	reports := make([]conformance.Report, len(c.With))
	for i, path := range c.With {
		raw, err := os.ReadFile(path) //nolint:gosec // G304: whoever runs it names the file
		if err == nil {
			err = json.Unmarshal(raw, &reports[i])
		}
		if err != nil {
			return nil, grove.Errorf(grove.Invalid, "bad_report", "--with wants what grove conformance --json printed: %v", err)
		}
	}
	return reports, nil
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
