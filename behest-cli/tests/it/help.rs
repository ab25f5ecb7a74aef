//! Help teaches, and version and completions answer.

use crate::sandbox::Sandbox;

#[test]
fn help_lists_the_commands_with_examples() {
    behest_snapshot!(Sandbox::new().behest(["--help"]), @r#"
    exit_code: 0
    ----- stdout -----
    The AI backend for applications: every model call has an owner, a limit, a price and a guard

    Usage: behest [OPTIONS] <COMMAND>

    Commands:
      serve         Start a gateway
      chat          Ask a model, once or in a conversation
      embed         Turn texts into vectors
      models        List the models that the project may call; show and update the catalogue
      mint          Make a token for one end user
      threads       Read and delete an end user's conversations
      usage         Report requests, tokens and cost; watch them, and export them
      login         Keep a credential for a gateway
      logout        Forget the credential of a gateway
      whoami        Show which credential is used, and where it comes from
      projects      Manage projects
      settings      Read and change a project's settings
      keys          Manage a project's API keys
      signing-keys  Manage a tenant's keys for signing tokens without the gateway
      providers     Manage the model providers of a tenant or a project, and their keys
      tenants       Manage tenants (operators only)
      tiers         Manage a project's tiers: what each kind of end user may take
      budgets       Manage a project's budgets: how much money may be spent, on what, within which time
      limits        Show how limits and budgets stand
      kill          Stop everything, a tenant, a project, an end user or an API key, and let it go on
      ledger        Check the ledger, and reckon its costs again (operators only)
      events        List and follow events of limits, budgets, kill switches and the ledger
      webhooks      Manage the addresses that events are sent to (operators only)
      completions   Print a script that completes commands in a shell

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
          --json                      Print answers as JSON, one object or array on one line
          --base-url <URL>            The gateway's address, such as http://127.0.0.1:[PORT] [env:
                                      BEHEST_BASE_URL]
          --admin-secret-file <FILE>  A file that holds the gateway's admin secret, for control commands
                                      and `serve`. BEHEST_ADMIN_SECRET, which holds the secret itself,
                                      comes second [env: BEHEST_ADMIN_SECRET_FILE]
          --project <PROJECT>         The project that control commands are about: an id or a slug [env:
                                      BEHEST_PROJECT_ID]
          --tenant <TENANT>           The tenant that control commands are about: an id [env:
                                      BEHEST_TENANT_ID]

    Examples:
      behest serve                          Start a gateway; it prints a key and a curl line
      behest chat "Why is the sky blue?"    Ask once
      behest chat                           Talk
      git diff | behest chat "Review this"  Ask about a file or another command's output
      behest mint --user u_42               A token for one end user
      behest usage --since 7d --by model    What each model cost this week

    Credentials: BEHEST_KEY, else what `behest login` or `behest serve` kept.
    Environment variables stand in for flags, and flags beat them.

    ----- stderr -----
    "#);
}

#[test]
fn help_for_serve_lists_its_flags_and_variables() {
    behest_snapshot!(Sandbox::new().behest(["serve", "-h"]), @r"
    exit_code: 0
    ----- stdout -----
    Start a gateway

    Usage: behest serve [OPTIONS]

    Options:
          --host <HOST>               The address to listen on [default: 127.0.0.1] [env: BEHEST_HOST]
          --port <PORT>               The port to listen on; 0 takes a free one [default: 8080] [env:
                                      BEHEST_PORT]
          --data-dir <DIR>            Where the database and the keys live; made when missing [default:
                                      the user's data directory] [env: BEHEST_DATA_DIR]
          --config <FILE>             A TOML configuration file [env: BEHEST_CONFIG]
          --no-profile                Keep no profile for `behest chat` and the SDKs; --data-dir and
                                      --port 0 imply this [env: BEHEST_NO_PROFILE]
          --log-format <FORMAT>       How the log on standard error looks [env: BEHEST_LOG_FORMAT]
                                      [default: text] [possible values: text, json]
          --log <FILTER>              What to log, as in `info` or `behest_core=debug,warn` [env:
                                      RUST_LOG] [default: info]
          --drain-deadline <SECONDS>  How many seconds running calls may take to finish after SIGTERM or
                                      Ctrl-C [default: 30] [env: BEHEST_DRAIN_DEADLINE]
      -h, --help                      Print help (see more with '--help')

    Global options:
          --json                      Print answers as JSON, one object or array on one line
          --base-url <URL>            The gateway's address, such as http://127.0.0.1:[PORT] [env:
                                      BEHEST_BASE_URL]
          --admin-secret-file <FILE>  A file that holds the gateway's admin secret, for control commands
                                      and `serve`. BEHEST_ADMIN_SECRET, which holds the secret itself,
                                      comes second [env: BEHEST_ADMIN_SECRET_FILE]
          --project <PROJECT>         The project that control commands are about: an id or a slug [env:
                                      BEHEST_PROJECT_ID]
          --tenant <TENANT>           The tenant that control commands are about: an id [env:
                                      BEHEST_TENANT_ID]

    Flags beat environment variables, which beat the configuration file.

    Examples:
      behest serve                              On 127.0.0.1:[PORT], with the offline model
      OPENAI_API_KEY=... behest serve           With a provider
      behest serve --port 0 --json              On a free port, described as one line of JSON
      behest serve --config /etc/behest.toml
      behest serve --host 0.0.0.0 --log-format json

    Ctrl-C or SIGTERM lets running calls finish; a second Ctrl-C stops at once.

    ----- stderr -----
    ");
}

#[test]
fn help_for_embed_lists_its_flags() {
    behest_snapshot!(Sandbox::new().behest(["embed", "-h"]), @r#"
    exit_code: 0
    ----- stdout -----
    Turn texts into vectors

    Usage: behest embed [OPTIONS] [TEXT]...

    Arguments:
      [TEXT]...  The texts, each an argument

    Options:
      -m, --model <MODEL>       The model [default: the project's own, which must then be one that
                                embeds]
      -d, --dimensions <COUNT>  How long the vectors are to be [default: the model's own length]
      -u, --user <ID>           The end user to act for [default: default] [env: BEHEST_USER_ID]
      -s, --session <ID>        The session that the cost is attributed to [env: BEHEST_SESSION_ID]
      -h, --help                Print help

    Global options:
          --json                      Print answers as JSON, one object or array on one line
          --base-url <URL>            The gateway's address, such as http://127.0.0.1:[PORT] [env:
                                      BEHEST_BASE_URL]
          --admin-secret-file <FILE>  A file that holds the gateway's admin secret, for control commands
                                      and `serve`. BEHEST_ADMIN_SECRET, which holds the secret itself,
                                      comes second [env: BEHEST_ADMIN_SECRET_FILE]
          --project <PROJECT>         The project that control commands are about: an id or a slug [env:
                                      BEHEST_PROJECT_ID]
          --tenant <TENANT>           The tenant that control commands are about: an id [env:
                                      BEHEST_TENANT_ID]

    Without a text, each line of standard input is one. With --json the vectors are whole.

    Examples:
      behest embed "The sky is blue"
      behest embed --model text-embedding-3-small --dimensions 256 "The sky is blue" "Grass is green"
      behest embed --json < questions.txt | jq -c .data[].embedding

    ----- stderr -----
    "#);
}

#[test]
fn help_for_chat_lists_its_flags_and_variables() {
    behest_snapshot!(Sandbox::new().behest(["chat", "-h"]), @r#"
    exit_code: 0
    ----- stdout -----
    Ask a model, once or in a conversation

    Usage: behest chat [OPTIONS] [PROMPT]...

    Arguments:
      [PROMPT]...  What to ask; standard input follows it when that is not a terminal

    Options:
      -m, --model <MODEL>  The model [default: the project's own] [env: BEHEST_MODEL]
      -u, --user <ID>      The end user to act for [default: default] [env: BEHEST_USER_ID]
      -s, --session <ID>   The session that the cost is attributed to [env: BEHEST_SESSION_ID]
      -t, --thread <ID>    The thread that the gateway keeps this conversation in [env:
                           BEHEST_THREAD_ID]
          --system <TEXT>  An instruction to the model, ahead of the conversation [env: BEHEST_SYSTEM]
          --no-stream      Show the answer only once it is whole [env: BEHEST_NO_STREAM]
      -i, --interactive    Hold a conversation even when standard input is not a terminal: one message a
                           line
      -h, --help           Print help

    Global options:
          --json                      Print answers as JSON, one object or array on one line
          --base-url <URL>            The gateway's address, such as http://127.0.0.1:[PORT] [env:
                                      BEHEST_BASE_URL]
          --admin-secret-file <FILE>  A file that holds the gateway's admin secret, for control commands
                                      and `serve`. BEHEST_ADMIN_SECRET, which holds the secret itself,
                                      comes second [env: BEHEST_ADMIN_SECRET_FILE]
          --project <PROJECT>         The project that control commands are about: an id or a slug [env:
                                      BEHEST_PROJECT_ID]
          --tenant <TENANT>           The tenant that control commands are about: an id [env:
                                      BEHEST_TENANT_ID]

    Without a prompt, on a terminal, this is a conversation: /help lists its commands, Ctrl-C cancels
    an answer, Ctrl-D leaves. The answer goes to standard output; tokens and cost go to standard error.

    Examples:
      behest chat "Why is the sky blue?"
      behest chat --model gpt-4o-mini --system "Answer in French" "Good morning"
      behest chat "Summarise this" < report.txt
      echo "Why is the sky blue?" | behest chat --json | jq -r .choices[0].message.content
      behest chat --user u_42 --thread trip      A conversation that the gateway remembers

    ----- stderr -----
    "#);
}

#[test]
fn help_for_settings_set_explains_values() {
    behest_snapshot!(Sandbox::new().behest(["settings", "set", "-h"]), @r"
    exit_code: 0
    ----- stdout -----
    Change settings in the draft

    Usage: behest settings set [OPTIONS] <NAME=VALUE>...

    Arguments:
      <NAME=VALUE>...  What to change

    Options:
          --deploy  Put the draft in force at once
      -h, --help    Print help

    Global options:
          --json                      Print answers as JSON, one object or array on one line
          --base-url <URL>            The gateway's address, such as http://127.0.0.1:[PORT] [env:
                                      BEHEST_BASE_URL]
          --admin-secret-file <FILE>  A file that holds the gateway's admin secret, for control commands
                                      and `serve`. BEHEST_ADMIN_SECRET, which holds the secret itself,
                                      comes second [env: BEHEST_ADMIN_SECRET_FILE]
          --project <PROJECT>         The project that control commands are about: an id or a slug [env:
                                      BEHEST_PROJECT_ID]
          --tenant <TENANT>           The tenant that control commands are about: an id [env:
                                      BEHEST_TENANT_ID]

    Values are JSON or plain text; lists may be written with commas; an empty value returns to the
    default. Changes are kept as a draft until `behest settings deploy`.

    Examples:
      behest settings set provider_model=gpt-4o-mini memory_enabled=true --deploy
      behest settings set cors_origins=https://a.example,https://b.example
      behest settings set system_prompt=

    ----- stderr -----
    ");
}

#[test]
fn no_arguments_show_the_help_and_fail() {
    let outcome = Sandbox::new().behest::<&str>([]).run();
    assert_eq!(outcome.exit_code, 1);
    assert!(outcome.stderr.contains("Usage: behest [OPTIONS] <COMMAND>"), "{outcome}");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn the_version_is_one_line() {
    behest_snapshot!(Sandbox::new().behest(["--version"]), @r"
    exit_code: 0
    ----- stdout -----
    behest [VERSION]

    ----- stderr -----
    ");
}

#[test]
fn completions_are_a_script_on_standard_output() {
    for (shell, sign) in [("bash", "complete -F"), ("zsh", "#compdef behest"), ("fish", "complete -c behest")]
    {
        let outcome = Sandbox::new().behest(["completions", shell]).run();
        assert!(outcome.text().contains(sign), "{shell}: {outcome}");
        for word in ["budgets", "on-exceed", "webhooks", "dry-run"] {
            assert!(outcome.text().contains(word), "{shell} does not complete {word}");
        }
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn every_command_has_help() {
    let sandbox = Sandbox::new();
    for command in [
        "models",
        "mint",
        "threads list",
        "threads show",
        "threads delete",
        "usage",
        "usage watch",
        "usage export",
        "login",
        "logout",
        "whoami",
        "projects list",
        "projects create",
        "projects show",
        "projects suspend",
        "projects resume",
        "settings show",
        "settings deploy",
        "settings discard",
        "keys create",
        "keys list",
        "keys revoke",
        "signing-keys create",
        "signing-keys list",
        "signing-keys revoke",
        "providers add",
        "providers list",
        "providers remove",
        "providers rotate-master",
        "tenants list",
        "tenants create",
        "tiers list",
        "tiers set",
        "tiers show",
        "tiers delete",
        "budgets list",
        "budgets create",
        "budgets show",
        "budgets update",
        "budgets delete",
        "limits",
        "kill list",
        "kill on",
        "kill off",
        "ledger verify",
        "ledger rerate",
        "events",
        "webhooks list",
        "webhooks add",
        "webhooks remove",
        "webhooks test",
        "webhooks deliveries",
        "completions",
    ] {
        let outcome = sandbox.behest(command.split(' ').chain(["--help"])).run();
        assert!(outcome.text().contains(&format!("Usage: behest {command}")), "{command}: {outcome}");
    }
}
