package server

import (
	"context"
	"log/slog"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/post"
)

// openMail sets mail up, if there is a server for it.
func (s *Server) openMail(log *slog.Logger) (err error) {
	if s.cfg.SMTP == "" {
		if s.cfg.MailFrom != "" {
			return grove.Errorf(grove.Invalid, "no_smtp", "--mail-from is given without --smtp, so nothing would be mailed; give the mail server too, or neither")
		}
		return nil
	}
	s.mail, err = post.NewMail(post.MailConfig{URL: s.cfg.SMTP, From: s.cfg.MailFrom, Log: log})
	return err
}

// mailer is mail for access, and nothing without mail.
func (s *Server) mailer() access.Mailer { //nolint:ireturn // nil tells access to do without
	if s.mail == nil {
		return nil
	}
	return s.mail
}

func (s *Server) runMail(ctx context.Context) error {
	if s.mail == nil {
		return nil
	}
	return s.mail.Run(ctx)
}

// name is what this installation is called in letters and authenticator apps.
func (s *Server) name() string {
	if hosts := publicHost(s.cfg.PublicURL); len(hosts) > 0 {
		return "Grove at " + hosts[0]
	}
	return "Grove"
}
