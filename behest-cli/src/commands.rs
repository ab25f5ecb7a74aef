//! What each command does: values in, words out.

mod budgets;
mod chat;
mod completions;
mod embed;
mod events;
mod input;
mod interrupt;
mod keys;
mod kill;
mod ledger;
mod limits;
mod login;
mod mint;
mod models;
mod projects;
mod providers;
mod rotate_master;
mod serve;
mod settings;
mod signing_keys;
mod standing;
mod tally;
mod tenants;
mod threads;
mod tiers;
mod usage;
mod webhooks;

use std::io;

use behest_core::client::{MintOptions, UsageQuery};
use jiff::Timestamp;

use crate::args::{
    AdministerCommand, Cli, Command, ExportFormat, FilterArgs, GlobalArgs, KeysCommand, MintArgs,
    ModelsCommand, ProjectsCommand, ProvidersCommand, SettingsCommand, SigningKeysCommand, TenantsCommand,
    ThreadsCommand, UsageArgs, UsageCommand, UseCommand, UserArgs, WindowArgs,
};
use crate::control::Operator;
use crate::identity::{self, Identity};
use crate::printer::Printer;
use crate::report::{ExitStatus, Explain, Report};
use crate::settings::time::BadTime;
use crate::settings::{self as resolve, Connection, present};

/// The system gives this program no threads.
#[derive(Debug, thiserror::Error)]
#[error("cannot start")]
struct StartError(#[source] io::Error);

impl Explain for StartError {
    fn status(&self) -> ExitStatus {
        ExitStatus::Error
    }
}

/// Does what was typed.
///
/// # Errors
/// [`Report`] says what went wrong and what to do.
pub fn run(cli: Cli, printer: Printer) -> Result<ExitStatus, Report> {
    match cli.command {
        // The gateway builds its own runtimes, one for each core.
        Command::Serve(args) => serve::run(resolve::serve(args, &cli.global)?, printer),
        Command::Completions { shell } => completions::run(shell, printer),
        Command::Use(command) => in_runtime(async {
            use_gateway(command, &resolve::connection(&cli.global)?, &cli.global, printer).await
        }),
        // It works on the data itself, while no gateway runs.
        Command::Administer(AdministerCommand::Providers(ProvidersCommand::RotateMaster(args))) => {
            in_runtime(async { rotate_master::run(resolve::rotation(args)?, printer).await })
        }
        Command::Administer(command) => in_runtime(async {
            let operator = Operator::connect(&resolve::connection(&cli.global)?)?;
            administer(command, &operator, printer).await
        }),
    }
}

fn in_runtime(work: impl Future<Output = Result<ExitStatus, Report>>) -> Result<ExitStatus, Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(StartError)?;
    let done = runtime.block_on(work);
    // A keychain that never answers must not keep the program.
    runtime.shutdown_background();
    done
}

async fn use_gateway(
    command: UseCommand,
    connection: &Connection,
    global: &GlobalArgs,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    match command {
        UseCommand::Chat(args) => chat::run(resolve::chat(&args, global), connection, printer).await,
        UseCommand::Embed(args) => embed::run(resolve::embed(args), connection, printer).await,
        UseCommand::Models { command } => match command {
            None | Some(ModelsCommand::List) => models::list(connection, printer).await,
            Some(ModelsCommand::Show { name }) => {
                models::show(&Operator::connect(connection)?, &name, printer).await
            }
            Some(ModelsCommand::Update { file }) => {
                models::update(&Operator::connect(connection)?, &file, printer).await
            }
        },
        UseCommand::Mint(args) => {
            let (user, options) = mint_options(args);
            mint::run(user, options, connection, printer).await
        }
        UseCommand::Threads(command) => threads(command, connection, printer).await,
        UseCommand::Usage(args) => report_usage(*args, connection, printer).await,
        UseCommand::Login => login::login(connection, printer).await,
        UseCommand::Logout => login::logout(connection, printer).await,
        UseCommand::Whoami => login::whoami(connection, printer).await,
    }
}

async fn administer(
    command: AdministerCommand,
    operator: &Operator,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    match command {
        AdministerCommand::Projects(command) => match command {
            ProjectsCommand::List => projects::list(operator, printer).await,
            ProjectsCommand::Create { name } => projects::create(operator, name, printer).await,
            ProjectsCommand::Show { name } => projects::show(operator, name.as_deref(), printer).await,
            ProjectsCommand::Suspend { name } => projects::suspend(operator, &name, printer).await,
            ProjectsCommand::Resume { name } => projects::resume(operator, &name, printer).await,
        },
        AdministerCommand::Settings(command) => match command {
            SettingsCommand::Show => settings::show(operator, printer).await,
            SettingsCommand::Set { changes, deploy } => {
                settings::set(operator, &changes, deploy, printer).await
            }
            SettingsCommand::Deploy => settings::deploy(operator, printer).await,
            SettingsCommand::Discard => settings::discard(operator, printer).await,
        },
        AdministerCommand::Keys(command) => match command {
            KeysCommand::Create { name, role } => keys::create(operator, name, role.into(), printer).await,
            KeysCommand::List => keys::list(operator, printer).await,
            KeysCommand::Revoke { id } => keys::revoke(operator, &id, printer).await,
        },
        AdministerCommand::SigningKeys(command) => match command {
            SigningKeysCommand::Create { name, out } => {
                signing_keys::create(operator, name, out.as_deref(), printer).await
            }
            SigningKeysCommand::List => signing_keys::list(operator, printer).await,
            SigningKeysCommand::Revoke { kid } => signing_keys::revoke(operator, &kid, printer).await,
        },
        AdministerCommand::Providers(command) => match command {
            ProvidersCommand::Add(args) => providers::add(operator, args, printer).await,
            ProvidersCommand::List => providers::list(operator, printer).await,
            ProvidersCommand::Remove { name } => providers::remove(operator, &name, printer).await,
            ProvidersCommand::RotateMaster(args) => {
                rotate_master::run(resolve::rotation(args)?, printer).await
            }
        },
        AdministerCommand::Tenants(command) => match command {
            TenantsCommand::List => tenants::list(operator, printer).await,
            TenantsCommand::Create { name, plan } => {
                tenants::create(operator, name, plan.map(Into::into), printer).await
            }
        },
        AdministerCommand::Tiers(command) => tiers::run(operator, command, printer).await,
        AdministerCommand::Budgets(command) => budgets::run(operator, command, printer).await,
        AdministerCommand::Limits(args) => limits::run(operator, args, printer).await,
        AdministerCommand::Kill(command) => kill::run(operator, command, printer).await,
        AdministerCommand::Ledger(command) => ledger::run(operator, command, printer).await,
        AdministerCommand::Events(args) => events::run(operator, args, printer).await,
        AdministerCommand::Webhooks(command) => webhooks::run(operator, command, printer).await,
    }
}

async fn threads(
    command: ThreadsCommand,
    connection: &Connection,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    match command {
        ThreadsCommand::List { user, limit } => {
            threads::list(&identify(connection, &user).await?, limit, printer).await
        }
        ThreadsCommand::Show { thread, user } => {
            threads::show(&identify(connection, &user).await?, &thread, printer).await
        }
        ThreadsCommand::Delete { thread, user } => {
            threads::delete(&identify(connection, &user).await?, &thread, printer).await
        }
    }
}

async fn identify(connection: &Connection, user: &UserArgs) -> Result<Identity, Report> {
    identity::identify(connection, present(user.user.as_ref()).as_deref()).await
}

fn mint_options(args: MintArgs) -> (String, MintOptions) {
    let options = MintOptions {
        session_id: present(args.session.as_ref()),
        tier: present(args.tier.as_ref()).map(|tier| resolve::tier(&tier)),
        ttl: args.ttl,
        role: args.role.map(Into::into),
        ..MintOptions::default()
    };
    (args.user, options)
}

async fn report_usage(
    args: UsageArgs,
    connection: &Connection,
    printer: Printer,
) -> Result<ExitStatus, Report> {
    match args.command {
        None => {
            let plan = usage::Plan::new(args.by, args.granularity);
            let shape = usage::Shape { limit: args.limit, csv: args.csv };
            let query = usage_query(args.window, args.filter)?;
            usage::run(query, &plan, shape, connection, printer).await
        }
        Some(UsageCommand::Watch) => usage::watch::run(&Operator::connect(connection)?, printer).await,
        Some(UsageCommand::Export(args)) => {
            let args = *args;
            let query = usage_query(args.window, args.filter)?;
            let default = if printer.json() { ExportFormat::Jsonl } else { ExportFormat::Csv };
            let format = args.format.unwrap_or(default);
            let operator = Operator::connect(connection)?;
            usage::export::run(&operator, &query, format, args.output.as_deref(), printer).await
        }
    }
}

fn usage_query(window: WindowArgs, filter: FilterArgs) -> Result<UsageQuery, BadTime> {
    let now = Timestamp::now();
    let instant = |text: Option<String>| text.map(|text| resolve::time::instant(&text, now)).transpose();
    Ok(UsageQuery {
        from: instant(window.since)?,
        to: instant(window.until)?,
        user_id: filter.user,
        session_id: filter.session,
        thread_id: filter.thread,
        model: filter.model,
        provider: filter.provider,
        tier: filter.tier,
        api_key_id: filter.key,
        status: filter.status,
        tag: filter.tag,
        ..UsageQuery::default()
    })
}
