-- Roles, schemas and functions of a new Supabase database, as far as a backend uses them.
-- Runs once per new data folder, in template1 and in postgres, as the superuser supabase_admin.
-- In single-user mode, a semicolon before an empty line ends a statement, so no statement contains
-- an empty line after a semicolon.

do $$
declare
  required record;
begin
  for required in
    select * from (values
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('authenticator', 'login noinherit'),
      -- The role of Supabase Auth, which calls the hooks that are functions.
      ('supabase_auth_admin', 'nologin noinherit createrole'),
      -- No superuser on Supabase, so also not here: statements that work here must work there.
      ('postgres', 'login createdb createrole replication bypassrls')
    ) as roles (name, options)
  loop
    if not exists (select from pg_roles where rolname = required.name) then
      execute format('create role %I %s', required.name, required.options);
    end if;
  end loop;
end
$$;

grant anon, authenticated, service_role to authenticator;

grant anon, authenticated, service_role, authenticator to postgres with admin option;

grant pg_read_all_data, pg_signal_backend, pg_monitor to postgres with admin option;

alter role postgres set search_path = "$user", public, extensions;

alter role anon set statement_timeout = '3s';

alter role authenticated set statement_timeout = '8s';

create schema if not exists extensions;

grant usage on schema extensions to anon, authenticated, service_role;

grant all on schema extensions to postgres with grant option;

create extension if not exists vector with schema extensions;

create schema if not exists auth;

grant usage on schema auth to postgres, anon, authenticated, service_role, supabase_auth_admin;

create or replace function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

create or replace function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

create or replace function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  )
$$;

grant usage on schema public to postgres, anon, authenticated, service_role;

-- Supabase's old default: a table in public without row level security is readable for everyone.
-- Kept on purpose, so that a missing policy is noticed here first.
alter default privileges for role postgres in schema public
  grant all on tables to anon, authenticated, service_role;

alter default privileges for role postgres in schema public
  grant all on sequences to anon, authenticated, service_role;

alter default privileges for role postgres in schema public
  grant execute on functions to anon, authenticated, service_role;
