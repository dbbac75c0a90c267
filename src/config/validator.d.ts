import type { ErrorObject } from 'ajv';

/** Whether a value is a valid recipe entry; what is wrong with it is left in `validate.errors`. */
declare const validate: {
  (value: unknown): boolean;
  errors?: ErrorObject[] | null;
};
export default validate;
