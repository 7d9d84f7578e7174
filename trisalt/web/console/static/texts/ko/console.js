/** Korean: console. */
export default {};
